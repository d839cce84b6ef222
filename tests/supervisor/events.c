#include <criterion/criterion.h>
#include <stdlib.h>
#include "supervisor/events.h"

static json_int_t number_of(const json_t *list, size_t i)
{
	return json_integer_value(json_object_get(json_array_get(list, i), "n"));
}

Test(events, kept_in_order_with_number_time_and_name)
{
	struct events *e = events_new();
	json_t *list;

	events_put(e, "one", json_pack("{s:i}", "n", 7));
	events_put(e, "two", json_pack("{s:i, s:s}", "n", 8, "text", "a\nb"));
	list = events_kept(e, 0);
	cr_assert_eq(json_array_size(list), 2);
	cr_assert_eq(json_integer_value(json_object_get(json_array_get(list, 1), "seq")), 2);
	cr_assert_str_eq(json_string_value(json_object_get(json_array_get(list, 1), "event")), "two");
	cr_assert_str_eq(json_string_value(json_object_get(json_array_get(list, 1), "text")), "a\nb");
	cr_assert_gt(json_real_value(json_object_get(json_array_get(list, 0), "time")), 1e9);
	json_decref(list);
	list = events_kept(e, 1);
	cr_assert(json_array_size(list) == 1 && number_of(list, 0) == 8);
	json_decref(list);
	list = events_kept(e, INT64_MAX);
	cr_assert_eq(json_array_size(list), 0);
	json_decref(list);
	list = events_kept(e, INT64_MIN);
	cr_assert_eq(json_array_size(list), 2);
	json_decref(list);
	events_delete(e);
}

Test(events, the_oldest_give_way)
{
	struct events *e = events_new();
	json_t *list;

	for (int i = 1; i <= 3 * EVENTS_KEPT + 5; i++)
		events_put(e, "x", json_pack("{s:i}", "n", i));
	list = events_kept(e, 0);
	cr_assert_eq(json_array_size(list), EVENTS_KEPT);
	cr_assert_eq(number_of(list, 0), 2 * EVENTS_KEPT + 6);
	cr_assert_eq(number_of(list, EVENTS_KEPT - 1), 3 * EVENTS_KEPT + 5);
	json_decref(list);
	events_delete(e);
}

Test(events, without_memory_the_event_is_lost_and_no_number)
{
	struct events *e = events_new();
	json_t *list;

	events_put(e, "x", NULL);
	events_put(e, "y", json_object());
	list = events_kept(e, 0);
	cr_assert_eq(json_array_size(list), 1);
	cr_assert_eq(json_integer_value(json_object_get(json_array_get(list, 0), "seq")), 1);
	json_decref(list);
	events_delete(e);
	events_put(NULL, "x", json_object());
	events_delete(NULL);
}
