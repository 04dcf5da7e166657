package provider

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// parseDuration is for values that the duration validator accepted; null and unknown give 0.
func parseDuration(value types.String) time.Duration {
	d, _ := time.ParseDuration(value.ValueString())
	return d
}

func stringAttribute(object types.Object, name string) string {
	value, _ := object.Attributes()[name].(types.String)
	return value.ValueString()
}

func parseTimestamp(object types.Object, name string) time.Time {
	t, _ := time.Parse(time.RFC3339, stringAttribute(object, name))
	return t
}

// orNull is for values that a catalogue leaves empty where they do not apply.
func orNull(s string) types.String {
	if s == "" {
		return types.StringNull()
	}
	return types.StringValue(s)
}

// portValue is null for the port of a site that was never configured.
func portValue(port int) types.Int64 {
	if port == 0 {
		return types.Int64Null()
	}
	return types.Int64Value(int64(port))
}

// names gives the values of an enumeration as strings.
func names[T ~string](values []T) []string {
	list := make([]string, len(values))
	for i, v := range values {
		list[i] = string(v)
	}
	return list
}

// quotedList reads `"a", "b"`.
func quotedList(values []string) string {
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = fmt.Sprintf("%q", v)
	}
	return strings.Join(quoted, ", ")
}

// The framework fills structs too, and compiles a regular expression for each field of one each time: a third of what a
// plan of many sites allocated. Here the fields of a model are looked up once.

// field is one attribute of a model: a struct whose fields are attribute values with tfsdk tags, some of them perhaps in
// embedded structs.
type field struct {
	name  string
	index []int
}

// fieldsOf holds a []field for each [reflect.Type] of a model.
var fieldsOf sync.Map

func modelFields(model reflect.Type) []field {
	if known, ok := fieldsOf.Load(model); ok {
		fields, _ := known.([]field)
		return fields
	}
	var fields []field
	for _, f := range reflect.VisibleFields(model) {
		if name, ok := f.Tag.Lookup("tfsdk"); ok {
			fields = append(fields, field{name, f.Index})
		}
	}
	fieldsOf.Store(model, fields)
	return fields
}

// get fills model from a configuration, a plan, a state or an identity. A block that was left out leaves model as it is.
func get[M any](ctx context.Context, from interface {
	Get(ctx context.Context, target any) diag.Diagnostics
}, model *M,
) diag.Diagnostics {
	var object types.Object
	diags := from.Get(ctx, &object)
	if !diags.HasError() {
		fill(model, object)
	}
	return diags
}

// fill takes over the attributes of object, whose types are those of the model's fields.
func fill[M any](model *M, object types.Object) {
	attributes, target := object.Attributes(), reflect.ValueOf(model).Elem()
	for _, f := range modelFields(target.Type()) {
		if value, ok := attributes[f.name]; ok {
			target.FieldByIndex(f.index).Set(reflect.ValueOf(value))
		}
	}
}

// set writes model to a plan, a state or an identity, whose type is kind.
func set[M any](ctx context.Context, to interface {
	Set(ctx context.Context, value any) diag.Diagnostics
}, kind tftypes.Type, model M,
) diag.Diagnostics {
	values, source := map[string]tftypes.Value{}, reflect.ValueOf(model)
	for _, f := range modelFields(source.Type()) {
		value, _ := reflect.TypeAssert[attr.Value](source.FieldByIndex(f.index))
		converted, err := value.ToTerraformValue(ctx)
		if err != nil {
			return diag.Diagnostics{diag.NewErrorDiagnostic("Value cannot be stored", f.name+": "+err.Error())}
		}
		values[f.name] = converted
	}
	return to.Set(ctx, tftypes.NewValue(kind, values))
}
