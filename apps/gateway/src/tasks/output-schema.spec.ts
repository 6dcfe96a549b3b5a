import { resultFaults, schemaFault } from './output-schema.js';

const text = (pattern: string) => ({ type: 'object', properties: { name: { type: 'string', pattern } } });

describe('the schema of a result', () => {
  it('finds where a result differs', () => {
    expect(resultFaults(text('^[a-z]+$'), { name: 'abc' })).toEqual([]);
    expect(resultFaults(text('^[a-z]+$'), { name: 'ABC' })).toMatchObject([{ path: 'result.name' }]);
  });

  it('is refused when a pattern cannot be matched in linear time', () => {
    expect(schemaFault(text('^(a+)+$'))).toBeNull();
    expect(schemaFault(text('(a)\\1'))).toEqual(expect.any(String));
    expect(schemaFault(text('(?=a)b'))).toEqual(expect.any(String));
  });

  it('does not keep everybody waiting, however slow it is for a large result', () => {
    // It would match, if it were let.
    const heavy = `^${'([a-z]*[a-z ]*)*'.repeat(400)}$`;
    const startedAt = performance.now();
    expect(resultFaults(text(heavy), { name: 'a b'.repeat(80_000) })).toMatchObject([
      { path: 'result', message: expect.stringContaining('too long') },
    ]);
    expect(performance.now() - startedAt).toBeLessThan(15_000);
    expect(resultFaults(text('^a$'), { name: 'a' })).toEqual([]);
  });
});
