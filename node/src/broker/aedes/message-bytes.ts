/** A message as it is kept: the packet's own fields, so that the protocol library finds what it stored. */
export interface StoredMessage {
  cmd: string;
  topic: string;
  payload: Buffer;
  qos: number;
  retain: boolean;
  dup?: boolean;
  messageId?: number;
  brokerId?: string;
  brokerCounter?: number;
  clientId?: string;
  /** Of a queued message: its mark, and when it was queued, epoch milliseconds. */
  mark?: string;
  queuedMs?: number;
}

/** Length of the header in four bytes, the header as JSON, the payload. */
export function writeMessage(message: StoredMessage): Buffer {
  const { payload, ...fields } = message;
  const header = Buffer.from(JSON.stringify(fields));
  const bytes = Buffer.allocUnsafe(4 + header.length + payload.length);
  bytes.writeUInt32LE(header.length, 0);
  header.copy(bytes, 4);
  bytes.set(payload, 4 + header.length);
  return bytes;
}

export function readMessage(bytes: Buffer): StoredMessage {
  const headerEnd = 4 + bytes.readUInt32LE(0);
  const fields = JSON.parse(bytes.toString('utf8', 4, headerEnd)) as Omit<StoredMessage, 'payload'>;
  return { ...fields, payload: Buffer.from(bytes.subarray(headerEnd)) };
}
