import { decideUnknownPrice, isUnknownPricePolicy } from './unknown-price.js';

const ceiling = { inputNanoPerMTok: 150n, outputNanoPerMTok: 600n };

describe('unknown price', () => {
  it('denies by default where an enforcing budget matches, and only there', () => {
    expect(decideUnknownPrice({ enforced: true, ceiling })).toEqual({ kind: 'deny' });
    expect(decideUnknownPrice({ policy: null, enforced: false, ceiling })).toEqual({ kind: 'flag' });
  });

  it('follows the choice of the workspace, enforced or not', () => {
    for (const enforced of [true, false]) {
      expect(decideUnknownPrice({ policy: 'deny', enforced, ceiling })).toEqual({ kind: 'deny' });
      expect(decideUnknownPrice({ policy: 'flag', enforced, ceiling })).toEqual({ kind: 'flag' });
      expect(decideUnknownPrice({ policy: 'ceiling', enforced, ceiling })).toEqual({ kind: 'ceiling', sheet: ceiling });
    }
  });

  it('knows its three policies and no other', () => {
    expect(['deny', 'ceiling', 'flag'].every(isUnknownPricePolicy)).toBe(true);
    expect(['', 'Deny', 'zero', null, undefined, 0].some(isUnknownPricePolicy)).toBe(false);
  });
});
