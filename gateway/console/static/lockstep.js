// Entry. Every page works without it: it adds live numbers, keys, the palette and small comforts.
import { startLive } from "./live.js";
import { startKeys } from "./keys.js";
import { startLists } from "./lists.js";
import { startClock } from "./clock.js";
import { startPalette } from "./palette.js";
import { startComforts } from "./comforts.js";
import { startSession } from "./session.js";
import { startLoading } from "./loading.js";

startClock();
startComforts();
startLists();
startPalette();
startKeys();
startLive();
startSession();
startLoading();
document.documentElement.dataset.ready = "yes"; // tests wait for it
