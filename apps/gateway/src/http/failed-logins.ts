import { Injectable } from '@nestjs/common';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';

const FAILURES = 20;
const WINDOW_SECONDS = 60;

/** Counts failed authentications by address and by key prefix; whoever fails too often is told to wait. */
@Injectable()
export class FailedLogins {
  private readonly limiter = new RateLimiterMemory({ points: FAILURES, duration: WINDOW_SECONDS });

  /** @returns seconds to wait, or null while the failures are few */
  async note(address: string, prefix: string): Promise<number | null> {
    const waits = await Promise.all([this.count(`address ${address}`), this.count(`prefix ${prefix}`)]);
    const longest = Math.max(...waits);
    return longest > 0 ? longest : null;
  }

  private async count(key: string): Promise<number> {
    try {
      await this.limiter.consume(key);
      return 0;
    } catch (refusal) {
      if (refusal instanceof RateLimiterRes) return Math.max(1, Math.ceil(refusal.msBeforeNext / 1000));
      throw refusal;
    }
  }
}
