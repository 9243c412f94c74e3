/** What the kernel says of a process, for benchmarks: memory, CPU time, descriptors. */

const MIB = 2 ** 20;

/** Resident memory of a process in MiB: all of it, and what of it is no file's. */
export interface Memory {
  readonly all: number;
  readonly anonymous: number;
}

/** A short program's standard output. */
async function output(command: string, ...args: string[]): Promise<string> {
  const { stdout } = await new Deno.Command(command, { args, stderr: "null" }).output();
  return new TextDecoder().decode(stdout);
}

/** The memory of a process now. Deno itself may read /proc only with every permission. */
export async function memory(pid: number): Promise<Memory> {
  const text = await output("cat", `/proc/${pid}/smaps_rollup`);
  const of = (field: string) =>
    Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(text)?.[1]) * 1024 / MIB;
  return { all: of("Rss"), anonymous: of("Anonymous") };
}

/** CPU seconds of a process so far, its threads that have ended not among them. */
export async function cpuSeconds(pid: number): Promise<number> {
  const text = await output("sh", "-c", `cat /proc/${pid}/task/*/schedstat`);
  return text.trim().split("\n").reduce((sum, line) => sum + Number(line.split(" ")[0]), 0) / 1e9;
}

/** How many descriptors a process has open. */
export async function descriptors(pid: number): Promise<number> {
  return (await output("ls", `/proc/${pid}/fd`)).split("\n").length - 1;
}

/** The value in the middle. */
export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? NaN;
}
