import type { Plugin } from '@melange2/plugin-api';
import type { RendererOutput } from '@melange2/progress';
import type { Terminal } from './terminal.ts';

/**
 * The renderer for a `--progress` mode; `auto` draws on terminals, groups on GitHub, and prints lines elsewhere.
 *
 * JSON goes to standard output, everything else to standard error. Only the renderer that is used is loaded.
 */
export async function progressPlugin(mode: string, terminal: Terminal): Promise<Plugin> {
  const output: RendererOutput = {
    write: mode === 'json' ? terminal.stdout : terminal.stderr,
    colors: terminal.colors.isColorSupported,
    get columns() {
      return terminal.columns();
    },
    get rows() {
      return terminal.rows();
    },
  };
  switch (mode === 'auto' ? automatic(terminal) : mode) {
    case 'tty':
      return (await import('@melange2/progress-tty')).progressTty({ output, now: terminal.now });
    case 'quiet':
      return (await import('@melange2/progress-quiet')).progressQuiet({ output });
    case 'json':
      return (await import('@melange2/progress-json')).progressJson({ output });
    case 'github':
      return (await import('@melange2/progress-github')).progressGithub({ output });
    default:
      return (await import('@melange2/progress-plain')).progressPlain({ output });
  }
}

function automatic(terminal: Terminal): string {
  if (terminal.env['GITHUB_ACTIONS'] === 'true') return 'github';
  return terminal.interactive ? 'tty' : 'plain';
}
