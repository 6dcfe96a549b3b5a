/** News about deliveries themselves. Data of each names the endpoint as `webhookId`. */
const OPERATIONAL_EVENTS = new Set([
  'endpoint.failing',
  'endpoint.disabled',
  'delivery.exhausted',
  'delivery.recovered',
]);

export function isOperational(eventType: string): boolean {
  return OPERATIONAL_EVENTS.has(eventType);
}
