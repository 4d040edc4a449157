#pragma once

#include <array>

#include "base/bytes.h"

namespace perdure::repository {

using TableKey = std::array<std::byte, 4>;

/// A table's number as the beginning of a sort key: big-endian, so that keys sort by it.
inline TableKey table_key(std::uint32_t table) {
    TableKey key;
    for (std::size_t i = key.size(); i > 0; table >>= 8)
        key[--i] = std::byte{static_cast<std::uint8_t>(table)};
    return key;
}

/// The table of a sort key that begins with its number.
inline std::uint32_t table_of(ByteView key) {
    std::uint32_t table = 0;
    for (std::byte const byte : key.first(sizeof(TableKey)))
        table = (table << 8) | std::to_integer<std::uint32_t>(byte);
    return table;
}

}  // namespace perdure::repository
