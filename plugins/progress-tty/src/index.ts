export { progressTty } from './progress-tty.ts';
export type { ProgressTtyOptions } from './progress-tty.ts';
export { drawFinished, drawLive } from './draw.ts';
export type { Paint, Size } from './draw.ts';
