/** Where a renderer writes: a terminal or a file, given to it so that it is tested without one. */
export interface RendererOutput {
  write(text: string): void;
  /** Present on terminals only. */
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
  /** Colours and styles are wanted and understood. */
  readonly colors: boolean;
}

export type ProgressMode = 'auto' | 'plain' | 'tty' | 'quiet' | 'json' | 'github';

export const progressModes: readonly ProgressMode[] = ['auto', 'plain', 'tty', 'quiet', 'json', 'github'];
