// A user's page: it imports the built package by its name, and vite bundles it.
import { tensor } from 'gradlet';
import { Linear } from 'gradlet/nn';

const x = tensor([3], { requiresGrad: true });
x.square().sum().backward();

export const gradient = x.grad!.item();
export const outputShape = new Linear(1, 2).forward(x).shape;
