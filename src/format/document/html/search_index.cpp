#include "format/document/html/search_index.h"

#include <fmt/format.h>

#include <charconv>

#include "format/document/dates.h"
#include "format/document/html/words.h"
#include "format/record/json_text.h"

namespace perdure::format {

namespace {

constexpr std::size_t words_bytes_max = 12 << 20;
constexpr std::size_t word_overhead = 120;  // of a node in the table, about
constexpr std::size_t shard_bytes_max = 96 << 10;
constexpr std::uint64_t docs_a_file = 500;
constexpr std::size_t docs_bytes_max = 4 << 20;

void base36(std::string& out, std::uint64_t value) {
    char digits[16];
    auto const end = std::to_chars(digits, digits + sizeof digits, value, 36).ptr;
    if (!out.empty() && out.back() != '"') out += ' ';
    out.append(digits, end);
}

void varint(std::string& out, std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
    out += static_cast<char>(value);
}

}  // namespace

SearchIndex::SearchIndex(OutputTree& tree, Tally& tally, Timestamp modified)
    : tree_(tree), tally_(tally), modified_(modified), sorted_(tree, "words") {}

Result<void> SearchIndex::add(Card const& card, std::string_view title, std::string_view text) {
    auto const note = [&](std::string_view word, std::uint64_t value) {
        auto& postings = words_[std::string(word)];
        if (postings.deltas.empty()) words_bytes_ += word.size() + word_overhead;
        // Each record once a word: the title comes first and counts more.
        if (!postings.deltas.empty() && postings.last / 2 == records_) return;
        auto const before = postings.deltas.size();
        varint(postings.deltas, value - postings.last);
        postings.last = value;
        words_bytes_ += postings.deltas.size() - before;
    };
    for_each_word(title, [&](std::string_view word) { note(word, 2 * records_ + 1); });
    for_each_word(text, [&](std::string_view word) { note(word, 2 * records_); });
    if (!docs_.empty()) docs_ += ",\n";
    docs_ += '[';
    auto const date = card.created ? spoken_date(*card.created) : std::string();
    for (auto const* part :
         {&card.address, &card.title, &date,
          card.collection.empty() ? &card.type : &card.collection, &card.excerpt}) {
        if (docs_.back() != '[') docs_ += ',';
        json_string(docs_, *part);
    }
    docs_ += ']';
    ++records_;
    if (records_ % docs_a_file == 0) PD_CHECK(put_docs());
    return words_bytes_ > words_bytes_max ? spill() : Result<void>();
}

Result<void> SearchIndex::spill() {
    for (auto const& [word, postings] : words_) PD_CHECK(sorted_.add(word, postings.deltas));
    words_.clear();
    words_bytes_ = 0;
    return {};
}

Result<void> SearchIndex::put_docs() {
    if (docs_.empty()) return {};
    PD_CHECK(put_file(tree_, tally_, fmt::format("search/d{}.js", docs_files_),
                      fmt::format("perdureDocs({},[\n{}\n]);\n", docs_files_, docs_),
                      {.modified = modified_}));
    ++docs_files_;
    docs_.clear();
    return {};
}

Result<void> SearchIndex::put_shard() {
    if (shard_.empty()) return {};
    shard_ += "\"";
    PD_CHECK(put_file(tree_, tally_, fmt::format("search/w{}.js", shards_),
                      fmt::format("perdureWords({},[{}]);\n", shards_, shard_),
                      {.modified = modified_}));
    if (!firsts_.empty()) firsts_ += ',';
    json_string(firsts_, shard_first_);
    ++shards_;
    shard_.clear();
    return {};
}

/// `postings` come in the order of records; a spill starts counting from 0.
Result<void> SearchIndex::write_word(std::string_view word, std::string_view postings) {
    bool begun = word == word_ && !shard_.empty();
    word_ = word;
    Decoder in(as_bytes(postings));
    std::uint64_t value = 0;
    while (!in.done()) {
        PD_TRY(auto const delta, in.varint());
        value += delta;
        if (shard_.size() > shard_bytes_max) {
            PD_CHECK(put_shard());
            begun = false;
        }
        if (!begun) {
            if (shard_.empty()) {
                shard_first_ = word;
            } else {
                shard_ += "\",";
            }
            json_string(shard_, word);
            shard_ += ",\"";
            last_ = 0;
            begun = true;
        }
        base36(shard_, value - last_);
        last_ = value;
    }
    return {};
}

Result<void> SearchIndex::finish(std::stop_token stop) {
    PD_CHECK(put_docs());
    PD_CHECK(spill());
    std::uint64_t seen = 0;
    PD_CHECK(sorted_.merge([&](std::string_view word, std::string_view postings) -> Result<void> {
        if (++seen % 4096 == 0 && stop.stop_requested()) return fail(Fault::cancelled, "stopped");
        return write_word(word, postings);
    }));
    PD_CHECK(put_shard());
    return put_file(tree_, tally_, "search/index.js",
                    fmt::format("perdureIndex({{\"records\":{},\"docs\":{},\"shards\":[{}]}});\n",
                                records_, docs_a_file, firsts_),
                    {.modified = modified_});
}

Result<void> SearchIndex::save(Encoder& out) {
    PD_CHECK(spill());
    PD_CHECK(sorted_.save(out));
    out.varint(records_);
    out.varint(docs_files_);
    out.text(docs_);
    return {};
}

Result<void> SearchIndex::load(Decoder& in) {
    PD_CHECK(sorted_.load(in));
    PD_TRY(records_, in.varint());
    PD_TRY(docs_files_, in.varint());
    PD_TRY(docs_, in.text(docs_bytes_max));
    return {};
}

}  // namespace perdure::format
