import type { Readable } from 'node:stream';

/** Most bytes of an answer that are read, and most bytes of its text that are kept: 20 kB. */
export const RESPONSE_LIMIT_BYTES = 20 * 1024;

export interface WebhookResponse {
  /** Start of the answer as text, at most 20 kB of UTF-8, safe to store; a compressed answer is not inflated. */
  body: string;
  /** Whether the endpoint had sent, or was still sending, more than `body`. */
  isTruncated: boolean;
}

/**
 * Reads the start of an answer and gives up on the rest: at 20 kB, after `graceMs`, or when the connection breaks.
 * Never rejects, since the status line has already decided the outcome and the text only serves the log.
 */
export async function readResponse(stream: Readable, graceMs: number): Promise<WebhookResponse> {
  const { bytes, isComplete } = await readStart(stream, graceMs);
  stream.destroy();
  return toText(bytes, isComplete);
}

function readStart(stream: Readable, graceMs: number): Promise<{ bytes: Buffer; isComplete: boolean }> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const finish = (isComplete: boolean) => {
      clearTimeout(timer);
      stream.removeAllListeners('data').pause();
      resolve({ bytes: Buffer.concat(chunks), isComplete });
    };
    const timer = setTimeout(() => finish(false), graceMs);
    stream.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      size += chunk.length;
      if (size > RESPONSE_LIMIT_BYTES) finish(false);
    });
    stream.once('end', () => finish(true));
    // Stays after the answer is read: destroying an unfinished stream reports it here.
    stream.on('error', () => finish(false));
  });
}

function toText(bytes: Buffer, isComplete: boolean): WebhookResponse {
  const decoded = decode(bytes.subarray(0, RESPONSE_LIMIT_BYTES), isComplete).replaceAll('\u0000', '\ufffd');
  const encoded = Buffer.from(decoded);
  if (encoded.length <= RESPONSE_LIMIT_BYTES) return { body: decoded, isTruncated: !isComplete };
  // Every byte that is not UTF-8 became a sign of three bytes.
  return { body: decode(encoded.subarray(0, RESPONSE_LIMIT_BYTES), false), isTruncated: true };
}

/** An incomplete last character is left out where the text was cut, and marked where the sender ended with it. */
function decode(bytes: Buffer, isWhole: boolean): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes, { stream: !isWhole });
}
