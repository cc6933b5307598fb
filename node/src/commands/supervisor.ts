import { spawn } from 'node:child_process';

/**
 * Tells systemd how it goes (sd_notify(3)): ready when it listens, alive twice within each watchdog's time, stopping.
 * Node has no datagram sockets of the file system, so `systemd-notify` says it; the unit has `NotifyAccess=all`.
 * Signs of life come from the main thread's own timer: a loop that hangs gives none, and systemd starts it anew.
 */
export interface Supervisor {
  ready(status: string): void;
  stopping(): void;
}

interface Asked {
  NOTIFY_SOCKET?: string;
  WATCHDOG_USEC?: string;
  WATCHDOG_PID?: string;
}

const NOBODY: Supervisor = { ready() {}, stopping() {} };

export function supervisorOf(asked: Asked, pid: number, onFault: (fault: Error) => void): Supervisor {
  if (!asked.NOTIFY_SOCKET) return NOBODY;
  const tell = (...words: string[]): void => {
    const child = spawn('systemd-notify', words, { stdio: 'ignore' });
    child.on('error', onFault);
    child.on('exit', (code) => {
      if (code !== 0) onFault(new Error(`systemd-notify ${words.join(' ')} ended with ${code}`));
    });
  };
  let timer: NodeJS.Timeout | undefined;
  return {
    ready(status) {
      tell('READY=1', `STATUS=${status}`);
      const everyMs = watchdogMs(asked, pid) / 2;
      if (everyMs > 0) timer = setInterval(() => tell('WATCHDOG=1'), everyMs);
    },
    stopping() {
      clearInterval(timer);
      tell('STOPPING=1');
    },
  };
}

/** 0 without a watchdog, or where it is meant for another process. */
export function watchdogMs(asked: Asked, pid: number): number {
  if (asked.WATCHDOG_PID !== undefined && Number(asked.WATCHDOG_PID) !== pid) return 0;
  const us = Number(asked.WATCHDOG_USEC ?? 0);
  return Number.isFinite(us) && us > 0 ? us / 1000 : 0;
}
