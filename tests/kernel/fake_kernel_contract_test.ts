/** The kernel contract on the fake kernel: what tests on it show holds for the real one. */
import { FakeHand } from "../support/fake_hand.ts";
import { FakeLinkHand } from "../support/fake_link_hand.ts";
import { ALL_SCHEDULERS } from "../support/fake_host.ts";
import { FakeKernel } from "../support/fake_kernel.ts";
import { kernelContract } from "../contract/kernel_contract.ts";

kernelContract("the fake kernel", () => {
  const kernel = new FakeKernel();
  kernel.schedulers = ALL_SCHEDULERS;
  const hand = new FakeHand(kernel);
  const links = new FakeLinkHand(kernel);
  return Promise.resolve({ kernel, hand, links, [Symbol.asyncDispose]: () => Promise.resolve() });
});
