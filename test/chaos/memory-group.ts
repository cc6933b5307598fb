import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A memory cgroup of this process's own, whichever version the machine has. */
export class MemoryGroup {
  readonly version: 1 | 2;
  readonly #dir: string;

  constructor(limitBytes: number) {
    const v1 = '/sys/fs/cgroup/memory';
    const v2 = ['/sys/fs/cgroup', '/sys/fs/cgroup/unified'].find((dir) => hasMemory(dir));
    if (existsSync(join(v1, 'memory.limit_in_bytes'))) this.version = 1;
    else if (v2) this.version = 2;
    else throw new Error('there is no memory cgroup on this machine');
    this.#dir = join(this.version === 1 ? v1 : v2!, `weir-board-${process.pid}`);
    mkdirSync(this.#dir);
    const limit = this.version === 1 ? 'memory.limit_in_bytes' : 'memory.max';
    writeFileSync(join(this.#dir, limit), String(limitBytes));
  }

  /** What a command line begins with to run inside. */
  under(): string[] {
    return ['sh', '-c', `echo $$ > ${join(this.#dir, 'cgroup.procs')} && exec "$@"`, 'sh'];
  }

  /** Page cache included, which the kernel takes back when it must. */
  usedBytes(): number {
    return this.#read(this.version === 1 ? 'memory.usage_in_bytes' : 'memory.current');
  }

  remove(): void {
    rmdirSync(this.#dir);
  }

  #read(name: string): number {
    return Number(readFileSync(join(this.#dir, name), 'utf8'));
  }
}

function hasMemory(dir: string): boolean {
  const path = join(dir, 'cgroup.controllers');
  return existsSync(path) && readFileSync(path, 'utf8').split(/\s/).includes('memory');
}
