/** What a page asks the service for. */

import { onDestroy } from "svelte";
import { listen } from "../live.svelte";

/**
 * Questions of which only the newest counts: an answer that comes after a newer question, or after the page was left, is
 * dropped. A question that failed is asked again when the service is back.
 */
export class Reading {
  error = $state<unknown>(null);
  isBusy = $state(false);
  private turn = 0;
  private isLeft = false;
  private newest: (() => Promise<void>) | null = null;

  constructor() {
    const stop = listen({ back: () => this.error && this.again() });
    onDestroy(() => {
      stop();
      this.isLeft = true;
    });
  }

  async take<T>(ask: () => Promise<T>, use: (answer: T) => void): Promise<void> {
    this.turn += 1;
    const turn = this.turn;
    this.newest = () => this.take(ask, use);
    this.isBusy = true;
    try {
      const answer = await ask();
      if (!this.isNewest(turn)) return;
      use(answer);
      this.error = null;
    } catch (failure) {
      if (this.isNewest(turn)) this.error = failure;
    } finally {
      if (this.isNewest(turn)) this.isBusy = false;
    }
  }

  private isNewest(turn: number): boolean {
    return turn === this.turn && !this.isLeft;
  }

  /** Ask the newest question once more. */
  readonly again = (): void => void this.newest?.();

  /** Show why something that a person wanted was not done. */
  readonly refuse = (failure: unknown): void => {
    this.error = failure;
  };
}
