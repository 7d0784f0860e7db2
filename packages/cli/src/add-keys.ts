import type { Command } from 'commander';
import type { Terminal } from './terminal.ts';
import { subcommand } from './subcommand.ts';
import { integer } from './option-values.ts';

/** Adds `keygen`, `sign` and `sign-index`. */
export function addKeys(program: Command, terminal: Terminal, exit: (code: number) => void): void {
  subcommand(program, 'keygen')
    .description('make a key pair for signing')
    .argument('[file]', 'the private key; its public half gets the ending .pub', 'melange.rsa')
    .option('--key-size <bits>', 'size of the key', integer, 4096)
    .action(async (file: string, options: { keySize: number }) => {
      const { runKeygen } = await import('./commands/keygen.ts');
      exit(await runKeygen(file, options, terminal));
    });
  subcommand(program, 'sign')
    .description('sign packages in place; an older signature is replaced')
    .argument('<apk...>', 'packages')
    .option('-k, --signing-key <file>', 'private key', 'melange.rsa')
    .action(async (files: string[], options: { signingKey: string }) => {
      const { runSign } = await import('./commands/sign.ts');
      exit(await runSign(files, options, terminal));
    });
  subcommand(program, 'sign-index')
    .description('sign an index in place')
    .argument('<index>', 'APKINDEX.tar.gz')
    .option('--signing-key <file>', 'private key', 'melange.rsa')
    .option('-f, --force', 'sign again what is signed')
    .action(async (file: string, options: { signingKey: string; force?: boolean }) => {
      const { runSignIndex } = await import('./commands/sign.ts');
      exit(await runSignIndex(file, options, terminal));
    });
}
