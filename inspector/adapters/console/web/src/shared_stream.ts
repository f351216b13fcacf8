/**
 * One stream of news for all tabs of a browser that show one session's pages. A browser keeps six connections to a service:
 * a stream for each tab would leave the seventh none to load its page. Tabs on many screens are usual in a plant, and locks
 * of browsers need TLS: so the oldest tab with a stream keeps it, and tells the others what it hears.
 */

export const KINDS = ["part", "event", "line", "reset", "heartbeat", "problem"] as const;
export interface News {
  kind: (typeof KINDS)[number];
  data: string;
  /** The position after these news, from which a stream goes on. */
  id: string;
}
interface Message {
  from: string;
  /** Null: the tab gives its stream up. */
  news: News | null;
}

const HEARTBEAT_MS = 1000; // of the service
const PATIENCE_MS = 1.5 * HEARTBEAT_MS; // of a tab that hears nothing; the light goes off later
const SPREAD_MS = 500; // by which tabs differ in patience, so that one of them is first
const WATCH_MS = 250;

export class SharedStream {
  /** Sorts by age. */
  private readonly tab = `${Date.now()}.${Math.random().toFixed(9)}`;
  private readonly patienceMs = PATIENCE_MS + SPREAD_MS * Math.random();
  private readonly channel: BroadcastChannel;
  private readonly watching = setInterval(() => this.watch(), WATCH_MS);
  private source: EventSource | null = null;
  private heardAt = Date.now();
  private position = "";

  constructor(
    session: string,
    private readonly take: (news: News) => void,
  ) {
    this.channel = new BroadcastChannel(`inspector.news.${session}`);
    this.channel.onmessage = ({ data }: MessageEvent<Message>) => this.overhear(data);
    addEventListener("pagehide", this.end);
    this.open();
  }

  readonly end = (): void => {
    removeEventListener("pagehide", this.end);
    clearInterval(this.watching);
    if (this.source) this.tell(null);
    this.close();
    this.channel.close();
  };

  private open(): void {
    this.heardAt = Date.now();
    const source = new EventSource(`/api/v1/stream${this.position && `?since=${this.position}`}`);
    for (const kind of KINDS) {
      source.addEventListener(kind, ({ data, lastEventId }: MessageEvent<string>) => {
        const news = { kind, data, id: lastEventId };
        this.tell(news);
        this.use(news);
      });
    }
    source.onerror = () => source.readyState === EventSource.CLOSED && this.close();
    this.source = source;
  }

  private close(): void {
    this.source?.close();
    this.source = null;
  }

  private tell(news: News | null): void {
    this.channel.postMessage({ from: this.tab, news } satisfies Message);
  }

  private overhear({ from, news }: Message): void {
    if (!news) this.heardAt = Date.now() - PATIENCE_MS;
    else if (!this.source || from < this.tab) {
      this.close();
      this.use(news);
    }
  }

  private use(news: News): void {
    this.heardAt = Date.now();
    this.position = news.id;
    this.take(news);
  }

  private watch(): void {
    if (!this.source && Date.now() - this.heardAt > this.patienceMs) this.open();
  }
}
