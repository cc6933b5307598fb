import type { LogRecord } from '../contract/index.ts';
import type { LogFind } from './port.ts';

/** Whether a record holds a reading that a question asks for. Key hashes may collide, so the answer is "may". */
export function recordMayHold(record: LogRecord, find: LogFind): boolean {
  return record.sections.some((section) => {
    if (record.layouts[section.layout].stream !== find.stream) return false;
    if (find.keyHash !== null && !section.keyHashes.includes(find.keyHash)) return false;
    return section.times.some((time) => time >= find.from && time <= find.to);
  });
}
