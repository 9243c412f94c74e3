/** What a probe must find to pass, in words: what opens the gate of a service that is not healthy. Pure. */
import { type CheckConfig, straightExpectation } from "../config/checks/kinds.ts";

/** Where, what and how fast. */
export function expectationOf(check: CheckConfig): string {
  const words = check.through.length === 0 ? straightExpectation(check) : throughWords(check, check.through);
  return check.invert ? `it is not so that ${words}` : words;
}

/** Of the first way in full. */
function throughWords(check: CheckConfig, [first, ...others]: CheckConfig["through"]): string {
  const at = "address" in check && first !== undefined ? { ...check, address: first.address.text } : check;
  const rest = others.map(({ address }) => address.text).join(" and ");
  return `${straightExpectation(at)}, through IPVS${rest === "" ? "" : `, and so does ${rest}`}`;
}
