{ text = text (NR > 1 ? "\\n" : "") quote($0) }
END { printf "\"%s\"", text }
