/* Times as text. Days are counted as Howard Hinnant's "chrono-compatible low-level date algorithms" do: years begin in March, eras last 400 years. */
#include <string.h>

#include "rules/json.h"

#define SECOND_US   INT64_C(1000000)
#define DAY_US      (INT64_C(86400) * SECOND_US)
#define ERA_DAYS    146097u                         /* of 400 years */
#define EPOCH_DAY   719468                          /* 1970-01-01, counted from 0000-03-01 */

static void put_digits(char *text, unsigned value, unsigned digits)
{
    for (unsigned i = digits; i-- > 0; value /= 10)
        text[i] = (char)('0' + value % 10);
}

static void put_date(char *text, int64_t days_since_1970)
{
    /* One era is added so that January and February of the year 0 stay above zero. */
    unsigned days = (unsigned)(days_since_1970 + EPOCH_DAY) + ERA_DAYS;
    unsigned era = days / ERA_DAYS, day_of_era = days % ERA_DAYS;
    unsigned year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned month_from_march = (5 * day_of_year + 2) / 153;
    unsigned month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    unsigned year = era * 400 + year_of_era - 400 + (month <= 2 ? 1 : 0);

    put_digits(text, year, 4);
    put_digits(text + 5, month, 2);
    put_digits(text + 8, day_of_year - (153 * month_from_march + 2) / 5 + 1, 2);
}

void mxt_json_time_format(int64_t time_us, char *text)
{
    if (time_us < MXT_JSON_TIME_MIN_US)
        time_us = MXT_JSON_TIME_MIN_US;
    if (time_us > MXT_JSON_TIME_MAX_US)
        time_us = MXT_JSON_TIME_MAX_US;
    int64_t days = time_us / DAY_US, of_day = time_us % DAY_US;
    if (of_day < 0) {
        of_day += DAY_US;
        days--;
    }
    unsigned seconds = (unsigned)(of_day / SECOND_US);

    memcpy(text, "0000-00-00T00:00:00.000000Z", MXT_JSON_TIME);
    put_date(text, days);
    put_digits(text + 11, seconds / 3600, 2);
    put_digits(text + 14, seconds / 60 % 60, 2);
    put_digits(text + 17, seconds % 60, 2);
    put_digits(text + 20, (unsigned)(of_day % SECOND_US), 6);
}

static unsigned digits_at(const char *text, unsigned digits)
{
    unsigned value = 0;
    for (unsigned i = 0; i < digits; i++)
        value = value * 10 + (unsigned)(text[i] - '0');
    return value;
}

static int64_t days_since_1970(unsigned year, unsigned month, unsigned day)
{
    unsigned march_year = year + 400 - (month <= 2 ? 1 : 0);
    unsigned year_of_era = march_year % 400;
    unsigned day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    unsigned day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return (int64_t)(march_year / 400) * ERA_DAYS + day_of_era - ERA_DAYS - EPOCH_DAY;
}

enum mxt_status mxt_json_time_parse(const char *text, int64_t *time_us)
{
    static const char form[] = "0000-00-00T00:00:00.000000Z";
    for (size_t i = 0; i < sizeof form; i++)
        if (form[i] == '0' ? text[i] < '0' || text[i] > '9' : text[i] != form[i])
            return MXT_EMALFORMED;
    unsigned month = digits_at(text + 5, 2), day = digits_at(text + 8, 2);
    unsigned hour = digits_at(text + 11, 2), minute = digits_at(text + 14, 2), second = digits_at(text + 17, 2);
    if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 59)
        return MXT_EMALFORMED;
    unsigned of_day = (hour * 60 + minute) * 60 + second;
    int64_t seconds = days_since_1970(digits_at(text, 4), month, day) * 86400 + of_day;
    int64_t parsed = seconds * SECOND_US + digits_at(text + 20, 6);

    /* The 31st of a shorter month would silently be the next month's first. */
    char again[MXT_JSON_TIME];
    mxt_json_time_format(parsed, again);
    if (memcmp(again, text, sizeof again) != 0)
        return MXT_EMALFORMED;
    *time_us = parsed;
    return MXT_OK;
}
