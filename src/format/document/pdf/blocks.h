#pragma once

#include <string>
#include <vector>

#include "format/document/page_text.h"
#include "format/document/pdf/text/typeset.h"

namespace perdure::format::pdf {

/// A piece of a body that stands by itself.
struct Block {
    enum class Kind { paragraph, heading, quote, item, code, rule, row, picture };
    Kind kind = Kind::paragraph;
    Text text;
    unsigned level = 0;       ///< heading: 1 is the highest; item: depth in lists, from 1
    std::string marker;       ///< item: "•", "3."; empty when it goes on from the one before
    std::vector<Text> cells;  ///< row
    bool header = false;      ///< row
    std::string address;      ///< picture: of the record's own medium
};

struct Blocks {
    std::vector<Block> blocks;
    TextFlaws flaws;
    std::vector<std::string> removed;  ///< see SafeBody
};

/// A body as blocks, through the allow-list of safe_body(): whatever its format and its tricks.
Blocks blocks_of(std::string_view body, std::string_view format);

}  // namespace perdure::format::pdf
