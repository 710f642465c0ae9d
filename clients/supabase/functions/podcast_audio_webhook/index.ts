import { settingsOf } from "../_shared/settings.ts";
import { handle } from "./handler.ts";

const settings = settingsOf(Deno.env);
Deno.serve((request) => handle(request, settings));
