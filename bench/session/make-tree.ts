import { closeSync, ftruncateSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';

// Makes a tree in a process of its own, so that its memory is not counted: FOLDER FILES FOLDERS FULL|SPARSE
const [root, files, folders, kind] = process.argv.slice(2) as [string, string, string, string];
const fileBytes = 50 << 10;

for (let i = 0; i < Number(files); i++) {
  const folder = join(root, `d${i % Number(folders)}`);
  if (i < Number(folders)) mkdirSync(folder, { recursive: true });
  const fd = openSync(join(folder, `file-${i}`), 'w');
  if (kind === 'SPARSE') ftruncateSync(fd, fileBytes);
  else {
    const content = Buffer.alloc(fileBytes, i & 255);
    content.writeUInt32BE(i);
    writeSync(fd, content);
  }
  closeSync(fd);
}
