#pragma once

#include "data/record.h"

namespace perdure::format {

/// A value as a record shows it; valid as long as the value is.
inline data::ValueView view_of(data::Value const& value) {
    if (auto const* whole = std::get_if<std::int64_t>(&value)) return *whole;
    if (auto const* real = std::get_if<double>(&value)) return *real;
    if (auto const* text = std::get_if<data::Text>(&value)) return std::string_view(text->bytes);
    if (auto const* bytes = std::get_if<Bytes>(&value)) return ByteView(*bytes);
    return data::Null{};
}

}  // namespace perdure::format
