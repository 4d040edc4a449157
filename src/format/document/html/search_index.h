#pragma once

#include <string>
#include <unordered_map>

#include "format/document/html/card.h"
#include "format/document/kept_spool.h"

namespace perdure::format {

/// A search index that scripts of a page read without fetch(): files of JavaScript, each a call
/// with data, loaded as the words typed need them.
///
///   search/index.js   perdureIndex({"records":N,"docs":500,"shards":["a","berlin",…]})
///   search/wN.js      perdureWords(N,["word","postings",…])   words from shards[N] on, sorted by
///                     code point; postings: differences in base 36, each 2 × record + (in title)
///   search/dN.js      perdureDocs(N,[["address","title","date","kind","excerpt"],…])
///
/// A word with many postings goes on in the next files, where they begin anew. Threads: one.
class SearchIndex {
public:
    SearchIndex(OutputTree& tree, Tally& tally, Timestamp modified);
    /// Records in their order, from 0. `text`: all that they are found by beside the title.
    Result<void> add(Card const& card, std::string_view title, std::string_view text);
    Result<void> finish(std::stop_token stop);

    Result<void> save(Encoder& out);
    Result<void> load(Decoder& in);

private:
    struct Postings {
        std::string deltas;  ///< varints
        std::uint64_t last = 0;
    };
    Result<void> spill();
    Result<void> put_docs();
    Result<void> put_shard();
    Result<void> write_word(std::string_view word, std::string_view postings);

    OutputTree& tree_;
    Tally& tally_;
    Timestamp modified_;
    SortedSpool sorted_;
    std::unordered_map<std::string, Postings> words_;
    std::size_t words_bytes_ = 0;
    std::uint64_t records_ = 0, docs_files_ = 0, shards_ = 0;
    std::string docs_, shard_, shard_first_, firsts_;
    // Of the word being written:
    std::string word_;
    std::uint64_t last_ = 0;
};

}  // namespace perdure::format
