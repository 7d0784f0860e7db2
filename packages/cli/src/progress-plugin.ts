import type { Plugin } from '@melange2/plugin-api';
import { progressPlain } from '@melange2/progress-plain';
import { progressTty } from '@melange2/progress-tty';
import type { RendererOutput } from '@melange2/progress';
import type { Terminal } from './terminal.ts';

/** The renderer for a `--progress` mode; `auto` draws on terminals and prints lines elsewhere. */
export function progressPlugin(mode: string, terminal: Terminal): Plugin {
  const output: RendererOutput = {
    write: terminal.stderr,
    colors: terminal.colors.isColorSupported,
    get columns() {
      return terminal.columns();
    },
    get rows() {
      return terminal.rows();
    },
  };
  if (mode === 'tty' || (mode === 'auto' && terminal.interactive))
    return progressTty({ output, now: terminal.now });
  return progressPlain({ output });
}
