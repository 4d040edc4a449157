#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "data/value.h"

namespace perdure::data {

/// How the key of a record stands behind the '/' of `app:memory/17`, in plans, reports and
/// selectors. Texts and numbers stand as they are; bytes, and texts that are no UTF-8, are x'00ff';
/// no value is NULL. A text that would be read as something else stands between single quotes: ''
/// is the empty one, 'a/b' a part of a key of several columns that holds a '/'.
enum class KeyPart { alone, of_several };
std::string spell_key(Value const& value, KeyPart part);

/// The values that each part of an id may mean: "17" is a text or a number. Empty: the id has not
/// `count` parts.
std::vector<std::vector<Value>> read_key(std::string_view id, std::size_t count);

}  // namespace perdure::data
