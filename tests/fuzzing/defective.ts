// Targets that have exactly the defects that a campaign is there to find.

import type { Target } from "./campaign.ts";

export type Defect = "fails" | "hangs" | "eats";

export function defective(defect: Defect): Target {
  return {
    name: "defective",
    run: (_random, input) => {
      if (input !== 3) return;
      if (defect === "fails") throw new TypeError("a defect");
      const eaten: number[][] = [];
      for (;;) if (defect === "eats") eaten.push(Array.from({ length: 100_000 }, () => 0.5));
    },
  };
}
