#pragma once

#include <string>

#include "demo/dice.h"

namespace perdure::demo {

enum class Language { english, german, arabic, chinese, playful };

/// Half English, the rest in equal parts.
Language pick_language(Dice& dice);

struct Person {
    std::string name, email;
    Language language = Language::english;
};
/// `number` makes the address unique.
Person make_person(Dice& dice, std::uint64_t number);

std::string make_title(Dice& dice, Language language);
void append_sentence(std::string& text, Dice& dice, Language language);
/// Paragraphs with the occasional heading, list, quote, link, table or piece of code.
std::string make_markdown(Dice& dice, Language language);
/// One or two sentences.
std::string make_remark(Dice& dice, Language language);
/// A lower-case word to name a tag or a file by.
std::string_view make_tag(Dice& dice);

}  // namespace perdure::demo
