/** How the queries of the dashboard go by its variables. */

/** Label matchers: what the variables at the top choose of hosts. */
export const HOST = 'job=~"$job",instance=~"$instance"';
/** The same, and of services. */
export const SERVICE = `${HOST},service=~"$service"`;
/** The same, and of routers. */
export const PEER = `${HOST},peer=~"$peer"`;

/** The rate over as long as Grafana finds right for the range that is shown. */
export function rate(metric: string, matchers: string): string {
  return `rate(${metric}{${matchers}}[$__rate_interval])`;
}

/** How often it grew, over the same. */
export function increase(metric: string, matchers: string): string {
  return `increase(${metric}{${matchers}}[$__rate_interval])`;
}
