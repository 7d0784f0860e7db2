import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { gitCommit, gitRepository, pathInRepository } from './git-repository.ts';

const root = mkdtempSync(join(tmpdir(), 'git-repository-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

function git(folder: string, ...args: readonly string[]): string {
  const identity = ['-c', 'user.name=a', '-c', 'user.email=a@example.org', '-c', 'init.defaultBranch=main'];
  return execFileSync('git', [...identity, '-C', folder, ...args], { encoding: 'utf8' }).trim();
}

function repository(name: string): string {
  const folder = join(root, name);
  mkdirSync(join(folder, 'below'), { recursive: true });
  git(folder, 'init', '-q');
  writeFileSync(join(folder, 'a'), name);
  git(folder, 'add', 'a');
  git(folder, 'commit', '-q', '-m', 'one');
  return folder;
}

test('the commit of a branch, packed or not, and of no branch, also from a folder below', async () => {
  const folder = repository('branch');
  const head = git(folder, 'rev-parse', 'HEAD');
  expect(await gitCommit(join(folder, 'below'))).toBe(head);
  git(folder, 'pack-refs', '--all');
  expect(await gitCommit(folder)).toBe(head);
  git(folder, 'checkout', '-q', '--detach');
  expect(await gitCommit(folder)).toBe(head);
});

test('the commit of a linked working tree is its own', async () => {
  const folder = repository('linked');
  const linked = join(root, 'tree');
  git(folder, 'worktree', 'add', '-q', '-b', 'other', linked);
  writeFileSync(join(linked, 'b'), '');
  git(linked, 'add', 'b');
  git(linked, 'commit', '-q', '-m', 'two');
  expect(await gitCommit(linked)).toBe(git(linked, 'rev-parse', 'HEAD'));
  expect(await gitCommit(folder)).toBe(git(folder, 'rev-parse', 'HEAD'));
});

test('the address of origin has no password', async () => {
  const folder = repository('origin');
  expect(await gitRepository(folder)).toBeUndefined();
  git(folder, 'remote', 'add', 'upstream', 'https://example.org/upstream');
  git(folder, 'remote', 'add', 'origin', 'https://me:secret@example.org/own.git');
  expect(await gitRepository(join(folder, 'below'))).toBe('https://example.org/own.git');
});

test('the path of a file begins below the working tree', async () => {
  const folder = repository('path');
  expect(await pathInRepository(join(folder, 'below/a.yaml'))).toBe('below/a.yaml');
  expect(await pathInRepository('/none/a.yaml')).toBe('a.yaml');
});

test('a repository without a commit, and no repository, have none', async () => {
  const folder = join(root, 'empty');
  mkdirSync(folder);
  git(folder, 'init', '-q');
  expect(await gitCommit(folder)).toBeUndefined();
  expect(await gitCommit('/')).toBeUndefined();
});
