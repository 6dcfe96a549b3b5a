/*
 * Loaded before anything else (node --import), with CLOCK_OFFSET_MS: this process lives that much ahead of everybody, or
 * behind. What it measures with performance.now() and waits for is as long as ever.
 */
const offsetMs = Number(process.env.CLOCK_OFFSET_MS ?? 0);
const RealDate = Date;

if (offsetMs !== 0) {
  globalThis.Date = new Proxy(RealDate, {
    construct: (target, args: [], newTarget: new () => Date) =>
      Reflect.construct(target, args.length === 0 ? [RealDate.now() + offsetMs] : args, newTarget) as Date,
    apply: () => new RealDate(RealDate.now() + offsetMs).toString(),
    get: (target, name, receiver) =>
      name === 'now' ? () => RealDate.now() + offsetMs : (Reflect.get(target, name, receiver) as unknown),
  });
}
