"""What all plots of the site share. They are images, drawn on the server in the site's colours, for
a light and a dark page.

They hold no script, no font and no address, and are shown as <img>; the same facts stand in a
table beside them.
"""

# As in static/css/tokens.css, which an image cannot read.
COLOURS: dict[str, dict[str, str]] = {
    "light": {
        "surface": "#fffdfa",
        "sunk": "#f3ece0",
        "ink": "#14343a",
        "ink-soft": "#365053",
        "line": "#e0d7c8",
        "mindfulness": "#3f7f78",
        "distress": "#b07a35",
        "emotion": "#5877a8",
        "people": "#8a6a9c",
        "edge": "#74837f",
    },
    "dark": {
        "surface": "#142629",
        "sunk": "#0a1618",
        "ink": "#f0eadf",
        "ink-soft": "#bcc8c4",
        "line": "#2a4145",
        "mindfulness": "#6fb8af",
        "distress": "#d6a45f",
        "emotion": "#8faddd",
        "people": "#bf9fd0",
        "edge": "#7c9391",
    },
}
SANS = "system-ui, sans-serif"
WIDTH = 720
NARROW = 360  # a phone's: drawn as wide as it is shown, so that the words stay readable
# In place of the site's policy: nothing in an image runs, and the style in it is its own.
ONLY_AN_IMAGE = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox"
}
