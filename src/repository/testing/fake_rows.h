#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>

#include "data/stream.h"

namespace perdure::repository::testing {

/// A database in memory: (table, key) → row. Tests only.
struct RowModel {
    struct Row {
        std::string subject;
        Bytes payload;
        bool operator==(Row const&) const = default;
    };
    struct Media {
        std::string subject;
        data::Entry entry;
        Bytes content;
        bool operator==(Media const&) const = default;
    };
    using Key = std::pair<std::uint32_t, std::string>;
    data::DatabaseSchema schema;
    std::map<Key, Row> rows;
    std::map<std::string, Media> media;
    std::set<std::string> unreadable;
    int opens = 0;

    RowModel() {
        schema.engine = "fake";
        schema.tables = {{.name = "person"}, {.name = "note"}, {.name = "log"}};
    }
    /// An order-preserving key of eight bytes, as for rowids.
    static std::string rowid(std::uint64_t number) {
        std::string key(8, '\0');
        for (int i = 0; i < 8; ++i) key[7 - i] = static_cast<char>(number >> (8 * i));
        return key;
    }
    void add_media(std::string const& path, std::string const& subject, ByteView content,
                   std::int64_t now) {
        Media& item = media[path];
        item.subject = subject;
        item.content = to_bytes(content);
        item.entry.name = path.substr(path.rfind('/') + 1);
        item.entry.inode = media.size();
        item.entry.size = content.size();
        item.entry.modified = item.entry.changed = {now, 1};
    }
};

/// Gives the rows table by table and then the media, as a database would.
class FakeRowReader final : public data::RowReader {
public:
    explicit FakeRowReader(RowModel& model)
        : model_(model), row_(model.rows.begin()), media_(model.media.begin()) {}
    data::DatabaseSchema const& schema() const override { return model_.schema; }
    Result<std::optional<data::RowView>> next(std::stop_token) override {
        if (row_ != model_.rows.end()) {
            auto const& [key, row] = *row_++;
            return std::optional<data::RowView>(
                {as_bytes(row.subject), key.first, as_bytes(key.second), row.payload});
        }
        if (media_ == model_.media.end()) return std::optional<data::RowView>();
        auto const& [path, media] = *media_++;
        Encoder out;
        data::encode_entry(out, media.entry);
        payload_ = out.take();
        return std::optional<data::RowView>(
            {as_bytes(media.subject), data::media_table, as_bytes(path), payload_});
    }
    std::shared_ptr<data::Content> open_media(ByteView key) override {
        return std::make_shared<Opener>(model_, to_string(key));
    }
    Result<data::LogicalDigest> digest() override { return data::LogicalDigest{{}, 1, 2}; }
    std::vector<data::Problem> take_problems() override { return {}; }

private:
    class Source final : public data::ByteSource {
    public:
        explicit Source(RowModel::Media const& media) : media_(media) {}
        Result<std::size_t> read(ByteSpan into) override {
            std::size_t const count = std::min(into.size(), media_.content.size() - at_);
            if (count > 0) std::memcpy(into.data(), media_.content.data() + at_, count);
            at_ += count;
            return count;
        }
        Result<data::Entry> entry_after_reading() override { return media_.entry; }

    private:
        RowModel::Media const& media_;
        std::size_t at_ = 0;
    };
    class Opener final : public data::Content {
    public:
        Opener(RowModel& model, std::string path) : model_(model), path_(std::move(path)) {}
        Result<std::unique_ptr<data::ByteSource>> open(std::stop_token) override {
            static std::mutex mutex;
            std::lock_guard lock(mutex);
            ++model_.opens;
            if (model_.unreadable.contains(path_)) return fail(Fault::denied, "not allowed");
            return std::unique_ptr<data::ByteSource>(
                std::make_unique<Source>(model_.media.at(path_)));
        }

    private:
        RowModel& model_;
        std::string path_;
    };

    RowModel& model_;
    std::map<RowModel::Key, RowModel::Row>::iterator row_;
    std::map<std::string, RowModel::Media>::iterator media_;
    Bytes payload_;
};

/// Collects what is put back and aborts on rows out of order.
class FakeRowTarget final : public data::RowTarget {
public:
    std::map<RowModel::Key, Bytes> rows;
    std::map<std::string, std::pair<data::Entry, Bytes>> media;
    bool begun = false, finished = false;

    Result<void> begin(data::DatabaseSchema const& schema) override {
        PD_ASSERT(!begun && schema.engine == "fake");
        begun = true;
        return {};
    }
    Result<void> add(data::RowView const& row) override {
        PD_ASSERT(begun && !finished);
        RowModel::Key key{row.table, to_string(row.key)};
        PD_ASSERT(rows.empty() || rows.rbegin()->first < key);
        rows.emplace_hint(rows.end(), std::move(key), to_bytes(row.payload));
        return {};
    }
    Result<void> add_media(data::Entry const& entry, std::string const& path,
                           data::ByteSource& content) override {
        PD_ASSERT(begun && !finished);
        Bytes all;
        Bytes part(100'000);
        while (true) {
            PD_TRY(std::size_t const count, content.read(part));
            if (count == 0) break;
            append(all, ByteView(part).first(count));
        }
        media[path] = {entry, std::move(all)};
        return {};
    }
    Result<void> finish(std::stop_token) override {
        finished = true;
        return {};
    }
    std::vector<data::Problem> take_problems() override { return {}; }
};

}  // namespace perdure::repository::testing
