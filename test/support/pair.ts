import * as nn from '../../src/nn/index.ts';

/** A module with two children. */
export class Pair extends nn.Module {
  left: nn.Module;
  right: nn.Module;

  constructor(left: nn.Module, right: nn.Module) {
    super();
    this.left = left;
    this.right = right;
  }

  forward(): void {}
}
