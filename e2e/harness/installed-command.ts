// Installs packages into a fresh root, runs a program there, and prints what it wrote and what was installed as JSON.
import { runInstalled, type RunInstalledOptions } from './run-installed.ts';

const options = JSON.parse(process.argv[2] ?? '{}') as RunInstalledOptions;
process.stdout.write(`${JSON.stringify(await runInstalled(options))}\n`);
