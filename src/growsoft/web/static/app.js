// The client: what pages gain over plain HTML. Everything works without it; nothing here builds HTML from text.
import "./keys.js";
import "./lists.js";
import "./forms.js";
import "./combobox.js";
