/** Questions under way, by what they are about; at most one of each at a time. */
export class Answers<T> {
  private readonly waiting = new Map<string, (answer: T | null) => void>();

  /** @param ask false: it could not be asked @returns null when it could not be asked, or nobody answered in time */
  ask(about: string, withinMs: number, ask: () => boolean): Promise<T | null> {
    this.waiting.get(about)?.(null);
    return new Promise((resolve) => {
      const settle = (answer: T | null) => {
        clearTimeout(timer);
        if (this.waiting.get(about) === settle) this.waiting.delete(about);
        resolve(answer);
      };
      const timer = setTimeout(() => settle(null), withinMs);
      this.waiting.set(about, settle);
      if (!ask()) settle(null);
    });
  }

  /** @returns whether somebody waited for it */
  answer(about: string, answer: T): boolean {
    const settle = this.waiting.get(about);
    settle?.(answer);
    return settle !== undefined;
  }

  /** Nobody will answer. @param about default: anything */
  giveUp(about?: string): void {
    const settling = about === undefined ? [...this.waiting.values()] : [this.waiting.get(about)];
    for (const settle of settling) settle?.(null);
  }
}
