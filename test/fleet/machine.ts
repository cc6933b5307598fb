import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

const PROCESSORS = 2;
const MEMORY_MB = 1_024;
const TICKS_PER_SECOND = 100;
/** Of the machine, in the network that the emulator makes for it. */
export const ADDRESS = '10.0.2.15';
/** Debian's build of edk2, as a board's firmware has it in flash. */
const FIRMWARE = '/usr/share/qemu-efi-aarch64/QEMU_EFI.fd';

/**
 * One arm64 machine under emulation, with firmware, a kernel of its own, a card that was flashed and a disk for the data.
 * Nobody sits at it: its console is written to a file, and it has no input.
 */
export class Machine {
  readonly ports: { ssh: number; mqtt: number; http: number };
  readonly #console: string;
  readonly #disks: { card: string; data: string };
  #child: ChildProcess | null = null;

  private constructor(work: string, disks: { card: string; data: string }, ports: Machine['ports']) {
    this.#console = join(work, 'console');
    this.#disks = disks;
    this.ports = ports;
  }

  static async with(work: string, disks: { card: string; data: string }): Promise<Machine> {
    const [ssh, mqtt, http] = await freePorts(3);
    return new Machine(work, disks, { ssh, mqtt, http });
  }

  /** Power on. */
  boot(): void {
    const { ssh, mqtt, http } = this.ports;
    const forward = Object.entries({ [ssh]: 22, [mqtt]: 1883, [http]: 8080 })
      .map(([outside, inside]) => `hostfwd=tcp:127.0.0.1:${outside}-${ADDRESS}:${inside}`)
      .join(',');
    const console = openSync(this.#console, 'a');
    const line = [
      ...['-machine', 'virt,gic-version=3', '-cpu', 'cortex-a72', '-accel', 'tcg,thread=multi'],
      ...['-smp', String(PROCESSORS), '-m', String(MEMORY_MB), '-bios', FIRMWARE],
      ...['-nodefaults', '-display', 'none', '-serial', 'stdio', '-no-reboot'],
      ...['-drive', `if=none,id=card,format=raw,file=${this.#disks.card}`],
      ...['-device', 'virtio-blk-pci,drive=card,bootindex=0'],
      ...['-drive', `if=none,id=data,format=raw,file=${this.#disks.data}`],
      ...['-device', 'virtio-blk-pci,drive=data,serial=weir-data'],
      // `restrict`: the machine sees nobody but who comes in by the forwarded ports.
      ...['-netdev', `user,id=lan,restrict=on,${forward}`, '-device', 'virtio-net-pci,netdev=lan,romfile='],
      ...['-device', 'virtio-rng-pci'],
    ];
    // The machine ends with this process, also when that is killed and tidies nothing.
    const child = spawn('setpriv', ['--pdeathsig=KILL', 'qemu-system-aarch64', ...line], {
      stdio: ['ignore', console, console],
    });
    closeSync(console);
    this.#child = child;
  }

  get isOn(): boolean {
    const child = this.#child;
    return child !== null && child.exitCode === null && child.signalCode === null;
  }

  /** Since it was switched on; beside other work it tells more than a clock does. */
  processorSeconds(): number {
    const stat = readFileSync(`/proc/${this.#child?.pid}/stat`, 'utf8');
    const [user, system] = stat.split(') ')[1].split(' ').slice(11, 13).map(Number);
    return Math.round((user + system) / TICKS_PER_SECOND);
  }

  consoleTail(): string {
    return readFileSync(this.#console, 'utf8').slice(-4_000);
  }

  /** A power cut: what was in the machine's memory is gone, what it gave to its disks is there. */
  async cut(): Promise<void> {
    if (!this.isOn) return;
    const child = this.#child!;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }
}

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  for (const server of servers) {
    server.close();
    await once(server, 'close');
  }
  return ports;
}
