/** What went wrong, in words that a person on site can act on. */
export class AskFault extends Error {
  override name = 'AskFault';
  /** 0 when nothing answered. */
  readonly status: number;
  readonly suggestion: string;

  constructor(status: number, message: string, suggestion: string) {
    super(message);
    this.status = status;
    this.suggestion = suggestion;
  }
}

export const unreachable = (): AskFault =>
  new AskFault(
    0,
    'The board does not answer.',
    'Check that it has power and is on this network. The page keeps trying by itself.',
  );

/** The gateway answers faults as `{ error: { message, suggestion } }`; a proxy in between may answer anything. */
export function faultOf(status: number, body: unknown): AskFault {
  const error = (body as { error?: { message?: unknown; suggestion?: unknown } } | null)?.error;
  if (typeof error?.message === 'string') {
    return new AskFault(
      status,
      error.message,
      typeof error.suggestion === 'string' ? error.suggestion : nextStep(status),
    );
  }
  return new AskFault(
    status,
    `The board answered with status ${status} and no explanation.`,
    nextStep(status),
  );
}

function nextStep(status: number): string {
  if (status === 429) return 'Too much was asked at once. Wait a moment; the page tries again by itself.';
  if (status === 503) return 'The board is still getting ready. The page tries again by itself.';
  if (status === 507) return 'Free space on the disk of the board; it goes on by itself then.';
  if (status >= 500) return 'Look at the log of the board, or run weir doctor there.';
  return 'Reload the page; if it stays, the link may be of another version.';
}
