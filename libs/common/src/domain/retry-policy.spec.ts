import fc from 'fast-check';
import { afterFailure, DEFAULT_RETRY_POLICY, retryDelayMs, retryPolicy } from './retry-policy.js';

const anyPolicy = fc
  .record({
    initialInterval: fc.double({ min: 0.001, max: 3_600, noNaN: true }),
    backoffCoefficient: fc.double({ min: 1, max: 10, noNaN: true }),
    maximumInterval: fc.double({ min: 0.001, max: 86_400, noNaN: true }),
    maximumAttempts: fc.integer({ min: 1, max: 100 }),
  })
  .map(retryPolicy);
const chance = fc.double({ min: 0, max: 1, noNaN: true });
const failures = fc.integer({ min: 1, max: 100 });

describe('the retry policy', () => {
  it('waits initialInterval x coefficient^(n-1), capped, 20 % more or less', () => {
    fc.assert(
      fc.property(anyPolicy, failures, chance, (policy, n, random) => {
        const middle = Math.min(policy.initialInterval * policy.backoffCoefficient ** (n - 1), policy.maximumInterval);
        const delay = retryDelayMs(policy, n, random);
        expect(delay).toBeGreaterThanOrEqual(middle * 800 * (1 - 1e-9));
        expect(delay).toBeLessThanOrEqual(middle * 1_200 * (1 + 1e-9));
      }),
    );
  });

  it('never waits less after one more failure, with the same luck', () => {
    fc.assert(
      fc.property(anyPolicy, failures, chance, (policy, n, random) => {
        expect(retryDelayMs(policy, n + 1, random)).toBeGreaterThanOrEqual(retryDelayMs(policy, n, random));
      }),
    );
  });

  it('stays finite however often something fails', () => {
    expect(retryDelayMs(retryPolicy({ backoffCoefficient: 10 }), 100_000, 1)).toBeCloseTo(120_000);
  });

  it('tries again exactly until the attempts are used up', () => {
    fc.assert(
      fc.property(anyPolicy, fc.integer({ min: 0, max: 200 }), (policy, attempts) => {
        const verdict = afterFailure(policy, attempts, { kind: 'transient' });
        expect(verdict.kind).toBe(attempts < policy.maximumAttempts ? 'retry' : 'dead');
        if (verdict.kind === 'dead') expect(verdict.reason).toBe('attempts');
      }),
    );
  });

  it('gives up at once what is permanent, or of a type that no repetition mends', () => {
    const policy = retryPolicy({ nonRetryableErrors: ['ValidationError'] });
    expect(afterFailure(policy, 1, { kind: 'permanent' })).toEqual({ kind: 'dead', reason: 'permanent' });
    expect(afterFailure(policy, 1, { kind: 'transient', errorType: 'ValidationError' })).toMatchObject({
      kind: 'dead',
    });
    expect(afterFailure(policy, 1, { kind: 'transient', errorType: 'Timeout' })).toMatchObject({ kind: 'retry' });
  });

  it('has the documented defaults', () => {
    expect(DEFAULT_RETRY_POLICY).toEqual({
      initialInterval: 1,
      backoffCoefficient: 2,
      maximumInterval: 100,
      maximumAttempts: 5,
      nonRetryableErrors: [],
    });
  });
});
