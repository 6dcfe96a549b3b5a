import type { AgentSocket, TaskFrame } from '../socket/agent-socket.js';

export interface Offer extends Pick<TaskFrame, 'task' | 'lease'> {
  /** Where it came from, and is to be acknowledged. */
  socket: AgentSocket;
}

/** Houston takes back what is not acknowledged within 10 s; what has lain here almost as long is not worth an answer. */
const FRESH_MS = 8_000;

/** Offers that wait to be taken up, and takers that wait for one. */
export class OfferShelf {
  private shelf: { offer: Offer; sinceMs: number }[] = [];
  private readonly takers = new Set<(offer: Offer | null) => void>();

  put(offer: Offer): void {
    const [taker] = this.takers;
    if (taker) taker(offer);
    else this.shelf.push({ offer, sinceMs: performance.now() });
  }

  /** @returns null when none came in time, `signal` was aborted or the socket was closed */
  next(waitMs: number, signal: AbortSignal, socket: AgentSocket): Promise<Offer | null> {
    const freshFromMs = performance.now() - FRESH_MS;
    this.shelf = this.shelf.filter(({ sinceMs }) => sinceMs > freshFromMs);
    const waiting = this.shelf.shift();
    if (waiting) return Promise.resolve(waiting.offer);
    if (signal.aborted || !socket.isOpen) return Promise.resolve(null);
    return new Promise((resolve) => {
      const take = (offer: Offer | null) => {
        clearTimeout(timer);
        signal.removeEventListener('abort', giveUp);
        this.takers.delete(take);
        resolve(offer);
      };
      const giveUp = () => take(null);
      const timer = setTimeout(giveUp, waitMs);
      signal.addEventListener('abort', giveUp, { once: true });
      this.takers.add(take);
    });
  }

  /** The socket is closed: its offers have gone back. */
  drop(socket: AgentSocket): void {
    this.shelf = this.shelf.filter(({ offer }) => offer.socket !== socket);
    for (const take of [...this.takers]) take(null);
  }
}
