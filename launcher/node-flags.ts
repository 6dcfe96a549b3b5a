/**
 * Flags of Node.js for the gateway. Under load nearly all of its memory is garbage after one request; a young
 * generation of this size (MB) lets it die there. It grows only when there is load.
 */
export const GATEWAY_NODE_FLAGS = ['--max-semi-space-size=64'] as const;
