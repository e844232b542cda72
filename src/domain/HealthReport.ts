/** The verdict on one model: are its files whole, and can this program run it (spec 01 §6). Pure. */
import { Schema } from "effect"

export class HealthReport extends Schema.Class<HealthReport>("HealthReport")({
  /** Integrity of the files. */
  healthy: Schema.Boolean,
  /** Why, also for a healthy model. */
  integrityReason: Schema.String,
  /** Always false for an unhealthy model. */
  runtimeCompatible: Schema.Boolean,
  /** Why it can't be run; null when it can, or when integrity already failed. */
  runtimeReason: Schema.NullOr(Schema.String)
}) {
  /** The first problem, null when there is none (spec 01 §6.5). */
  get reason(): string | null {
    return this.healthy ? this.runtimeReason : this.integrityReason
  }
}
