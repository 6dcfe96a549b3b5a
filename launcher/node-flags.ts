/**
 * Flags of Node.js by service. Under load nearly all memory of a gateway is garbage after one request; a young generation
 * of this size (MB) lets it die there. The others do little at a time, and a small one keeps them small.
 */
export function nodeFlagsOf(service: string): string[] {
  return [`--max-semi-space-size=${service === 'gateway' ? 16 : 2}`];
}
