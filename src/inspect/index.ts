export {
  type GradcheckElement,
  type GradcheckOptions,
  type GradcheckResult,
  gradcheck,
  gradgradcheck,
} from './gradcheck.ts';
