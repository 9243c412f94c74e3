/** Prometheus itself (Debian package prometheus), in a folder of its own, on loopback. */
import { isRecord } from "../../src/bytes/json.ts";
import { field, list, text } from "./monitoring.ts";
import { Process } from "./process.ts";
import { freePort } from "./raw_peer.ts";
import { eventually } from "./until.ts";

/** What to scrape: as which job and instance, and where. */
export interface ScrapeTarget {
  readonly job: string;
  readonly instance: string;
  readonly port: number;
}

/** A value with its labels. */
export interface QuerySample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** An alert as Prometheus has it now. */
export interface ActiveAlert {
  readonly name: string;
  readonly state: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** A running Prometheus that scrapes and evaluates each second. Disposing ends it. */
export class Prometheus implements AsyncDisposable {
  readonly #folder: string;
  readonly #process: Process;
  readonly #url: string;
  readonly #lines: string[] = [];

  private constructor(folder: string, port: number) {
    this.#folder = folder;
    this.#url = `http://127.0.0.1:${port}`;
    this.#process = new Process({
      command: "prometheus",
      args: [
        `--config.file=${folder}/prometheus.json`,
        `--storage.tsdb.path=${folder}/data`,
        `--web.listen-address=127.0.0.1:${port}`,
        "--log.level=warn",
      ],
      onLine: ({ text }) => void this.#lines.push(text),
    });
  }

  /** Resolves when it answers. @param rules the text of a file of rules */
  static async start(targets: readonly ScrapeTarget[], rules: string): Promise<Prometheus> {
    const folder = Deno.makeTempDirSync({ prefix: "bgp-lb-prometheus-" });
    Deno.writeTextFileSync(`${folder}/rules.yml`, rules);
    // JSON is YAML.
    Deno.writeTextFileSync(
      `${folder}/prometheus.json`,
      JSON.stringify({
        global: { scrape_interval: "1s", evaluation_interval: "1s" },
        rule_files: ["rules.yml"],
        scrape_configs: [...Map.groupBy(targets, ({ job }) => job)].map(([job, rows]) => ({
          job_name: job,
          static_configs: rows.map(({ instance, port }) => {
            return { targets: [`127.0.0.1:${port}`], labels: { instance } };
          }),
        })),
      }),
    );
    const prometheus = new Prometheus(folder, await freePort());
    await eventually(() => prometheus.#isReady(), (ready) => ready, "Prometheus is ready").catch((error) => {
      throw new Error(`${error}; it said\n${prometheus.#lines.join("\n")}`);
    });
    return prometheus;
  }

  /** The samples of an instant query. @throws {Error} in Prometheus' words */
  async query(expr: string): Promise<readonly QuerySample[]> {
    const data = await this.#get(`query?${new URLSearchParams({ query: expr })}`);
    return list(data, "result").map((row) => ({
      labels: labelsOf(field(row, "metric")),
      value: Number(list(row, "value")[1]),
    }));
  }

  /** The alerts that are pending or firing. */
  async alerts(): Promise<readonly ActiveAlert[]> {
    return list(await this.#get("alerts"), "alerts").map((row) => {
      const labels = labelsOf(field(row, "labels"));
      const annotations = labelsOf(field(row, "annotations"));
      return { name: labels.alertname ?? "", state: text(row, "state") ?? "", labels, annotations };
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
    Deno.removeSync(this.#folder, { recursive: true });
  }

  async #isReady(): Promise<boolean> {
    try {
      const response = await fetch(`${this.#url}/-/ready`);
      await response.body?.cancel();
      return response.ok;
    } catch {
      return false;
    }
  }

  async #get(question: string): Promise<unknown> {
    const answer: unknown = await (await fetch(`${this.#url}/api/v1/${question}`)).json();
    if (text(answer, "status") !== "success") throw new Error(`${question}: ${text(answer, "error")}`);
    return field(answer, "data");
  }
}

function labelsOf(record: unknown): Readonly<Record<string, string>> {
  if (!isRecord(record)) return {};
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, String(value)]));
}
