#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "format/document/pdf/text/handle.h"

namespace perdure::format::pdf {

enum class Family { serif, sans, mono };

/// What a text needs of fonts, found by looking at its characters once.
struct TextNeeds {
    std::string families;  ///< "Noto Serif,Noto Naskh Arabic": the first that has a sign is taken
    char const* language = "en";  ///< tells Han readers apart: "ja", "ko", "zh-cn"
};
TextNeeds needs_of(std::string_view text, Family family);

/// fontconfig with the Noto fonts alone: the same document on every machine that has them, and
/// nothing drawn by whatever font an operator once installed.
/// Fails: unsupported (they are not installed).
Result<Handle<FcConfig>> noto_fonts();

}  // namespace perdure::format::pdf
