import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { SetMetadata } from '@nestjs/common';

export const ANSWERS_WITH_SECRET = 'houston:answers-with-secret';

/** The answer shows a secret that is stored nowhere else in clear text: where it is kept, it is kept sealed. */
export const AnswersWithSecret = () => SetMetadata(ANSWERS_WITH_SECRET, true);

const CIPHER = 'aes-256-gcm';
const IV_BYTES = 12;
const TAG_BYTES = 16;

/** Seals an answer so that only a caller with the same API key can read it again. */
export function sealAnswer(body: string, apiKey: string): string {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv(CIPHER, sealingKey(apiKey), iv);
  const sealed = Buffer.concat([cipher.update(body, 'utf8'), cipher.final()]);
  return Buffer.concat([iv, cipher.getAuthTag(), sealed]).toString('base64');
}

/** Null when it was sealed for another API key. */
export function openAnswer(sealed: string, apiKey: string): string | null {
  const bytes = Buffer.from(sealed, 'base64');
  const decipher = createDecipheriv(CIPHER, sealingKey(apiKey), bytes.subarray(0, IV_BYTES));
  decipher.setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
  const opened = decipher.update(bytes.subarray(IV_BYTES + TAG_BYTES));
  try {
    return Buffer.concat([opened, decipher.final()]).toString('utf8');
  } catch {
    // Authentication is the only thing that can fail here.
    return null;
  }
}

function sealingKey(apiKey: string): Buffer {
  return Buffer.from(hkdfSync('sha256', apiKey, '', 'houston kept answer', 32));
}
