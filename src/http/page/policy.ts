/** The style and the script of the page, and the policy that lets a browser run these two, and nothing else. */
import script from "./script.js" with { type: "text" };
import style from "./style.css" with { type: "text" };

/** The two texts with what tells them from others. */
export interface PageAssets {
  readonly style: string;
  readonly script: string;
  /** Another one where either is another. */
  readonly id: string;
  readonly policy: string;
}

/** What stands in the page. */
export async function pageAssets(): Promise<PageAssets> {
  const [ofScript, ofStyle] = await Promise.all([hashOf(script), hashOf(style)]);
  const policy = [
    "default-src 'none'",
    `script-src '${ofScript}'`,
    `style-src '${ofStyle}'`,
    "connect-src 'self'",
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join("; ");
  return { style, script, id: `${ofScript}${ofStyle}`.replaceAll(/sha256-|[^\w]/g, "").slice(0, 16), policy };
}

/** What goes with the page. */
export function pageHeaders({ policy }: PageAssets): Readonly<Record<string, string>> {
  return {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": policy,
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
  };
}

/** As CSP (level 3, section 2.3.1) writes it. */
async function hashOf(text: string): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
  return `sha256-${btoa(String.fromCharCode(...digest))}`;
}
